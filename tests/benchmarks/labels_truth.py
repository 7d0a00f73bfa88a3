"""What a person would call the fields that `detect` finds on real and drawn forms, by the print around them.

Made by looking at the pages. A name a field, in reading order: the label as printed, ``~`` where it goes on; ``/3`` for
three fields that are parts of one value; ``|`` between names that are both right; ``-`` where nothing, or but a number
or other fields' text, stands at the field; ``=`` where a fillable PDF names it; ``*7`` for seven in a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Form:
    """A page, how it is looked at, and what its fields are called."""

    name: str
    files: tuple[str, ...]
    truth: str
    page: int = 1
    filled: bool = False
    wide: bool = False
    drawn: bool = False

    def expected(self) -> Iterator[str]:
        """Give what each field is called; ``name/2`` for a second part."""
        for word in self.truth.split():
            name, _, times = word.partition("*")
            name, _, parts = name.partition("/")
            for _ in range(int(times or 1)):
                yield from (f"{name}/{part}" for part in range(1, int(parts) + 1)) if parts else (name,)


def _table(rows: int, columns: str, prefix: str = "", first: int = 1) -> str:
    names = columns.split()
    return " ".join(
        one if one == "-" else f"{prefix}row{row:02}_{one}" for row in range(first, first + rows) for one in names
    )


_TAX: Final = (
    """=*4 your_phone_number your_date_of_birth/3 your_national_insurance_number/5 your_name_and_address/3""",
    """yes no yes no number yes no computation~ yes no number yes no yes no number yes no yes no yes no yes no""",
    """other_dividends taxed_uk_interest untaxed_uk_interest foreign_dividends tax_taken_off_foreign_dividends
    untaxed_foreign_interest dividends_from_uk_companies tax_taken_off_box_11 state_pension
    taxable_incapacity_benefit_and_contribution~ state_pension_lump_sum tax_taken_off_incapacity_benefit_in_box_13
    tax_taken_off_box_9 jobseekers_allowance pensions~ total_of_any_other_taxable_state_pensions_and_benefits
    benefit_from_pre_owned_assets other_taxable_income total_amount_of_allowable_expenses any_tax_taken_off_box_17""",
    """payments_to_your_employers~ payments_to_registered~ total_of_any_one_off_payments_in_box_1
    payments_to_an_overseas~ payments_to_a_retirement~ gift_aid_payments_made_in_the_year_to_5_april_2023
    value_of_qualifying_shares_or_securities_gifted~ total_of_any_one_off_payments_in_box_5
    value_of_qualifying_land_and_buildings_gifted~ gift_aid_payments_made_in_the_year_to_5_april_2023~
    value_of_qualifying_investments~ gift_aid_payments_to_non_uk_charities_in_box_5 gift_aid_payments_made_after~
    if_you_want_your_spouses~ if_youre_registered_blind~ if_you_want_your_spouse_or~""",
    """if_your_employer_has_deducted_student~ if_youve_received~ if_your_employer_has_deducted_postgraduate~
    enter_the_total_amount~ enter_the_date_that_you_and_your_partner_stopped/3 enter_the_number_of_children~
    amount_of_hmrc_coronavirus~ your_spouse_or_civil_partners_date_of_birth/3
    date_of_marriage_or_civil_partnership/3 your_spouse_or_civil_partners_national_insurance_number/5""",
    """if_youve_had_any~ if_you_owe_tax_on~ if_you_owe_less~ if_youve_entered~ if_your_nominee~ branch_sort_code/3
    account_number and_postcode/2 building_society_reference_number if_you_do_not_have~""",
    """their_phone_number the_reference_your_adviser_uses_for_you""",
    """if_this_tax_return~ if_any_of_your~ if_youre_enclosing~ date/3""",
)
_TITLES: Final = "shri smt kumari m_s"
_ADDRESS: Final = """flat_room_door_block_no name_of_premises_building_village road_street_lane_post_office
    area_locality_taluka_sub_division town_city_district"""
_PERMANENT_NUMBER: Final = (
    f"""area_code ao_type range_code ao_no {_TITLES} last_name_surname first_name middle_name
    row01_abbreviations_of_the_above_name~ row02_abbreviations_of_the_above_name~ yes no {_TITLES} last_name_surname
    first_name middle_name male female transgender day month year yes no~ last_name_surname_col1 last_name_surname_col2
    first_name_col1 first_name_col2 middle_name_col1 middle_name_col2 last_name_surname first_name middle_name
    fathers_name mothers_name {_ADDRESS} pincode_zip_code""",
    f"""name_of_office {_ADDRESS} pincode_zip_code residence office country_code area_std_code telephone_mobile_number
    government individual hindu_undivided_family company partnership_firm association_of_persons trusts
    body_of_individuals local_authority artificial_juridical_persons limited_liability_partnership
    11_registration_number|registration_number please_mention_your_aadhaar_number/3 if_aadhaar_number~
    name_as_per_aadhaar~*3 salary capital_gains income_from_business_profession business_profession_code
    income_from_other_sources income_from_house_property no_income {_TITLES} last_name_surname first_name middle_name
    {_ADDRESS} pincode date""",
)
_TALLY: Final = " ".join(
    ["- " * 12 + "{table}row01_jumlah_tiap_baris {sum}"]
    + ["- " * 12 + f"{{table}}row{row:02}_jumlah_tiap_baris" for row in range(2, 6)]
)

FORMS: Final = (
    Form(
        "visit-record",
        ("visit-record/blank.png",),
        """patient_number date_of_visit age_in_years temperature weight pulse_per_minute household_number drug_code
        doses_given""",
        drawn=True,
    ),
    Form("class-marks", ("class-marks/blank.png",), _table(20, "student_no q1 q2 q3 q4 total"), drawn=True),
    Form(
        "meter-card",
        ("meter-card/blank.png",),
        "customer_number water_meter power_meter_day power_meter_night read_on",
        drawn=True,
    ),
    *(Form("SA100", ("blank_forms/SA100.pdf",), truth, page) for page, truth in enumerate(_TAX, 3)),
    *(Form("Form 49A", ("blank_forms/Form49A.pdf",), truth, page) for page, truth in enumerate(_PERMANENT_NUMBER, 1)),
    Form(
        "queXF",
        ("quexf/test_blank.pdf",),
        " ".join(
            f"{row}_{column}"
            for rows, columns in (
                (
                    ("the_first_part_of_a_matrix_question", "the_second_question_in_a_matrix_question"),
                    "they_are_not_useful they_are_useful dont_know",
                ),
                (
                    ("people_in_your_community", "state_government", "local_government"),
                    "not_at_all a_little a_great_amount unsure",
                ),
            )
            for row in rows
            for column in columns.split()
        ),
    ),
    Form("queXF", ("quexf/test_blank.pdf",), "no male female", 2),
    Form(
        "chore chart",
        ("blank_forms/odk_scan_chore_chart.jpg",),
        """-*2 name -*28 room_number/2 -*354 monday_chores_wash_dishes|wash_dishes
        tuesday_chores_wash_dishes|wash_dishes wed_chores_wash_dishes|wash_dishes
        thursday_chores_wash_dishes|wash_dishes
        wash_dishes|friday_chores_wash_dishes saturday_chores_wash_dishes|wash_dishes
        sunday_chores_wash_dishes|wash_dishes sweep_patio*7 cook_dinner*7 program_roomba*7""",
    ),
    Form(
        "tally, data",
        ("cdigital_tally/c.hasil_data.png",),
        """jumlah_pemilih_dalam_dpt/4 jumlah_pemilih_yang_pindah_memilih/3 jumlah_pemilih_tidak_terdaftar_dalam_dpt~/4
        jumlah_pemilih/4 jumlah_pengguna_hak_pilih_dalam_dpt/4 jumlah_pemilih_yang_pindah_memilih_yang~/4
        jumlah_pemilih_tidak_terdaftar_dalam_dpt~/4 jumlah_pengguna_hak_pilih/4 jumlah_surat_suara_yang_digunakan
        jumlah_surat_suara_yang_dikembalikan_oleh~ jumlah_surat_suara_yang_tidak_digunakan~
        jumlah_surat_suara_yang_diterima~ jumlah_seluruh_pemilih_disabilitas/4
        jumlah_seluruh_pemilih_disabilitas_yang~/4""",
    ),
    Form(
        "tally, votes",
        ("cdigital_tally/c.hasil_dpr_j_v2.png",),
        "jumlah_seluruh_suara_sah/3 "
        + _TALLY.format(table="", sum="jumlah_suara_tidak_sah")
        + """ -
        jumlah_seluruh_suara_sah_dan_suara_tidak_sah/3 tanggal bulan tahun""",
    ),
    Form(
        "tally, pairs",
        ("cdigital_tally/c.hasil_pwp_3.png",),
        _TALLY.format(table="", sum="jumlah_suara_sah")
        + " -*25 jumlah_seluruh_suara_sah/3 "
        + _TALLY.format(table="table4_", sum="jumlah_suara_tidak_sah")
        + """ -
        jumlah_seluruh_suara_sah_dan_suara_tidak_sah/3 tanggal bulan tahun""",
    ),
    Form(
        "tally, party",
        ("cdigital_tally/c.hasil_dpr_s08_v2.png",),
        "-*5 row01_jumlah_tiap_baris row01_jumlah_suara_sah "
        + _table(4, "- - - - - jumlah_tiap_baris", first=2)
        + "".join(f" -*2 row{row:02}_jumlah_suara_sah -*8" for row in range(2, 9))
        + " -*4 row09_jumlah_suara_sah -*6 jumlah_suara_sah_partai_dan_calon/4",
    ),
    Form(
        "marks, 1 filled scan",
        ("vrsec_marksheet/marksheet1.bmp",),
        "-*18 part_a_total -*8 "
        + " ".join(
            f"-*4 row{row:02}_sub_total -*4 row{row:02}_sub_total -*{more}" for row, more in enumerate((4, 3, 5, 10), 1)
        ),
        filled=True,
    ),
    Form("handwriting, 1 filled scan", ("nist_hsf/hsf_form.png",), "-*70", filled=True, wide=True),
    Form(
        "election, 5 scans",
        tuple(f"c1_election/142046{n}-005804400{n + 1}04.jpg" for n in range(5)),
        """- prabowo_subianto~ - ir_h_joko_widodo~ jumlah_seluruh_suara_sah jumlah_seluruh_suara_tidak_sah
        row01_no row02_no row03_no row04_no row05_no row06_no row07_no row01_no_urut row02_no_urut""",
    ),
)
